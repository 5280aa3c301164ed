// Command go-spiffe asks a Workload API for everything that go-spiffe can ask for, and prints what it got. Tests build and run it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	audience := os.Args[1]
	client, err := workloadapi.New(ctx)
	check(err)
	defer client.Close()

	found, err := client.FetchX509Context(ctx)
	check(err)
	svid := found.DefaultSVID()
	// Verifies the chain, the key usage and the name against the bundle.
	id, _, err := x509svid.Verify(svid.Certificates, found.Bundles)
	check(err)
	if id != svid.ID {
		check(fmt.Errorf("the chain is of %s", id))
	}

	token, err := client.FetchJWTSVID(ctx, jwtsvid.Params{Audience: audience})
	check(err)
	bundles, err := client.FetchJWTBundles(ctx)
	check(err)
	own, err := jwtsvid.ParseAndValidate(token.Marshal(), bundles, []string{audience})
	check(err)
	validated, err := client.ValidateJWTSVID(ctx, token.Marshal(), audience)
	check(err)
	_, err = client.ValidateJWTSVID(ctx, token.Marshal(), "https://another.example")

	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"x509": svid.ID.String(), "certificates": len(svid.Certificates), "jwt": own.ID.String(),
		"validated": validated.ID.String(), "otherAudienceRefused": err != nil,
	}))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
