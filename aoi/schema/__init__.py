"""What each kind of statutory layer says of its ground: columns, types, allowed values, and typed records."""
