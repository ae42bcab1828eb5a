"""Everything that draws with Streamlit; with app.py and pages/ the only code that imports it."""
