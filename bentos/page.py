"""The page that documents the endpoints: Swagger UI from this very server, and nothing from elsewhere.

BentoML's own page loads badges and a tag manager from the network; this one takes its place.
"""

PAGE = b"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8"><title>aimloop</title>
  <link rel="stylesheet" href="./static_content/swagger-ui.css">
</head>
<body>
  <p style="margin: 1rem auto; max-width: 1420px; padding: 0 20px; font-family: sans-serif">
    <label>Key, for trying things out here:
      <input id="key" type="password" autocomplete="off" placeholder="aimloop keys issue NAME --role score" size="50">
    </label>
  </p>
  <div id="page"></div>
  <script src="./static_content/swagger-ui-bundle.js"></script>
  <script>
    const withKey = (request) => {
      const key = document.getElementById("key").value
      if (key) request.headers.Authorization = "Bearer " + key
      return request
    }
    SwaggerUIBundle({url: "./docs.json", dom_id: "#page", defaultModelsExpandDepth: -1, requestInterceptor: withKey})
  </script>
</body>
</html>
"""
