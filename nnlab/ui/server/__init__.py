"""What the server does around the pages: it starts the workers, names the visitors and guards its doors."""
