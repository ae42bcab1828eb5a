"""Engines that need a library or a model file which does not come with Abscope.

Nothing heavy is imported here at the top of a module: the list of engines must load fast, and a
missing library is a sentence in the list.
"""
