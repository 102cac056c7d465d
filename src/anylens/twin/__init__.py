"""A simulated camera: a scene's light through glass onto silicon, all by its own physics."""
