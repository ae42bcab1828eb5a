"""Models as plug-ins: protocol, card, features with provenance, explanation, domain, registry."""
