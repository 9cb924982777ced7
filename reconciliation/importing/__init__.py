"""Files in: read, checked whole, then written all or not at all.

files > columns, values > staging > checks > writing, and importer on top. Nothing here knows of pages or workers; the
import job, which does, stands in `jobs` and `worker`.
"""
