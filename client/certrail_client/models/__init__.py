"""What the API takes and answers.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""
