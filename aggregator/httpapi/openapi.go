package httpapi

import (
	_ "embed"
	"net/http"
)

// OpenAPI describes every route, in OpenAPI 3.1.
//
//go:embed openapi.yaml
var OpenAPI []byte

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(OpenAPI) // a client that has gone needs no answer
}
