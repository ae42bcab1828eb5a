"""Response to checkpoint inhibitors."""
