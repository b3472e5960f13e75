"""Routes that no permission guards: each says itself who may call it."""
