//! What proves Tidewire: a fault proxy, a seeded simulation, checkers, and a load generator.
