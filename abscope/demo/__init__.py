"""The synthetic demonstration case: one invented patient, made by code, written as DICOM."""

from abscope.demo.write import DemoFiles, write_demo

__all__ = ["DemoFiles", "write_demo"]
