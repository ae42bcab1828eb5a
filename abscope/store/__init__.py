"""The archive: tables, content-addressed voxels, the audit chain. The database owns the truth."""
