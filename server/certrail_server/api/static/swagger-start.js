SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  displayOperationId: true,
  persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis],
});
