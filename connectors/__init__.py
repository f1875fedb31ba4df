"""How systems are reached: one small contract, one module per way."""
