"""DICOM in and out: reading with a geometry gate, and writers."""

import logging

# pydicom quotes element values, names among them, in its warnings: they stay out of every log.
logging.getLogger("pydicom").propagate = False
