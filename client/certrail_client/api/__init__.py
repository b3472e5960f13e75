"""Every call of the API, by what it is about.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""
