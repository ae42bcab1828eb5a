"""Every library with a long import, loaded once, by one thread: the first import of every page.

Streamlit runs each visitor's script in a thread of its own. Some libraries are circular inside
(pydicom) or meet in a third one (scikit-learn and Plotly in narwhals); two threads that import them
through different doors at the same moment fail, or leave them broken until the server restarts.
The import lock of this module lets one thread in and makes the others wait. A test drives it.
"""

import importlib

#: In an order in which each finds its parts ready. shap is loaded later, under a lock of its own.
LIBRARIES = (
    "numpy",
    "pandas",
    "pydicom",
    "pydicom.dataset",
    "pydicom.pixels",
    "sqlalchemy",
    "numba",
    "scipy.ndimage",
    "skimage.measure",
    "sklearn.linear_model",
    "sklearn.mixture",
    "plotly.graph_objects",
    "matplotlib.figure",
    "reportlab.pdfgen.canvas",
    "pptx",
    "openpyxl",
    "abscope.workflows.board",
    "abscope.workflows.contouring",
    "abscope.workflows.demonstration",
)
for name in LIBRARIES:
    importlib.import_module(name)
