"""`python -m vlmeval`."""

from vlmeval_start import main

main()
