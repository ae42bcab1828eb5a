"""Pure data for a figure, and its two renderers: screen (Plotly) and print (matplotlib)."""
