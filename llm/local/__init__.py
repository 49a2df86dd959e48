"""A small real model on this machine, served like any other: needs the extra `local`."""
