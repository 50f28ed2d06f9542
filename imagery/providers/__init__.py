"""Where scenes come from: one file per service, all behind `provider.Provider`."""
