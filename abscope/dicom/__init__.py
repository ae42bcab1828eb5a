"""DICOM in and out: reading with a geometry gate, and writers."""
