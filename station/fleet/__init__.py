"""Both ends of the fleet API; they share no code, so that neither can vouch for the other's mistakes."""
