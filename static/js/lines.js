// Lines of documents.
