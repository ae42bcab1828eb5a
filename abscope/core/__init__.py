"""The vocabulary every other room speaks: geometry, structures, dose, labs, errors."""
