"""The guard: a second process that carries out a plan agreed beforehand when its desk is gone or frozen."""
