"""What was measured, drawn: plots in SVG, marked pictures, and a page that holds them all."""
