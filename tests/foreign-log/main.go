// Command foreign-log is a log and a verifier that are not ours (github.com/transparency-dev/tessera), for
// tests/src/foreign-log.test.ts. See README.md.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	f_log "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "key":
		return key(args[1])
	case len(args) == 5 && args[0] == "grow":
		return grow(ctx, args[1], args[2], args[3], args[4])
	case len(args) == 4 && args[0] == "check":
		return check(ctx, args[1], args[2], args[3])
	}
	return fmt.Errorf("usage: key <origin> | grow <folder> <signer key> <entries> <policy> | check <folder> <verifier key> <policy>")
}

// key prints the signing key and the verifier key of a log; always the same for an origin.
func key(origin string) error {
	seed := sha256.Sum256([]byte(origin))
	skey, vkey, err := note.GenerateKey(io.LimitReader(bytes.NewReader(seed[:]), 32), origin)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s\n%s\n", skey, vkey)
	return err
}

// grow appends entries to a log in a folder and prints its checkpoint, cosigned as the policy asks.
func grow(ctx context.Context, folder, skey, entries, policy string) error {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(entries)
	if err != nil {
		return err
	}
	witnesses, err := witnessesIn(policy)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: folder})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(200*time.Millisecond).
		WithBatching(256, 50*time.Millisecond).
		WithWitnesses(witnesses, &tessera.WitnessOptions{FailOpen: false})
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	published := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 100*time.Millisecond)
	var last tessera.IndexFuture
	for i := range count {
		last = appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "entry %d at %d", i, time.Now().UnixNano())))
	}
	_, checkpoint, err := published.Await(ctx, last)
	if err != nil {
		return err
	}
	fmt.Print(string(checkpoint))
	return shutdown(ctx)
}

// check recomputes everything in a folder from its entries, and looks at the cosignatures.
func check(ctx context.Context, folder, vkey, policy string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	files := client.FileFetcher{Root: folder}
	if err := fsck.New(verifier.Name(), verifier, files, leafHashes, fsck.Opts{N: 4}).Check(ctx); err != nil {
		return err
	}
	raw, err := files.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	checkpoint, _, _, err := f_log.ParseCheckpoint(raw, verifier.Name(), verifier)
	if err != nil {
		return err
	}
	witnesses, err := witnessesIn(policy)
	if err != nil {
		return err
	}
	if !witnesses.Satisfied(raw) {
		return fmt.Errorf("the policy is not satisfied")
	}
	_, err = fmt.Println(checkpoint.Size)
	return err
}

func witnessesIn(policy string) (tessera.WitnessGroup, error) {
	text, err := os.ReadFile(policy)
	if err != nil {
		return tessera.WitnessGroup{}, err
	}
	return tessera.NewWitnessGroupFromPolicy(text)
}

func leafHashes(bundle []byte) ([][]byte, error) {
	entries := &api.EntryBundle{}
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(entries.Entries))
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}
