"""What the graph talks to: the lake, SQL engines, the landing zone, sources, secrets.

Nothing here knows any one dataset; nothing here imports ``la_assets``.
"""
