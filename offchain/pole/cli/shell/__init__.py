"""How words on a command line become calls: groups, connection options, mistakes in one sentence."""
