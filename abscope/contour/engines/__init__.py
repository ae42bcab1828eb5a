"""The contouring engines that come with Abscope; `abscope.contour.registry` lists them."""
