package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/allegro-p2p/allegro/aggregator/web"
)

// The page needs nothing beside the program, which has it inside.
func ExampleHandler() {
	page, err := web.Handler()
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(page)
	defer server.Close()
	for _, path := range []string{"/", "/api/v1/txs"} {
		answer, err := http.Get(server.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := answer.Body.Close(); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(path, answer.Status, answer.Header.Get("Content-Type"))
	}
	// Output:
	// / 200 OK text/html; charset=utf-8
	// /api/v1/txs 404 Not Found text/plain; charset=utf-8
}
