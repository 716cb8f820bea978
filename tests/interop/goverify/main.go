// Verifies a ledger with Go's own implementation of signed notes and Merkle logs.
//
// usage: goverify LEDGER-DIRECTORY VERIFIER-KEY-FILE PROOF-FILE
//
// Prints how many records it verified. Anything that does not verify ends it with a message.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if len(os.Args) != 4 {
		fail("usage: goverify LEDGER-DIRECTORY VERIFIER-KEY-FILE PROOF-FILE")
	}
	ledger, proof := os.Args[1], string(read(os.Args[3]))
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(os.Args[2]))))
	check(err, "the key")
	tree := checkpoint(read(filepath.Join(ledger, "checkpoint")), verifier)
	reader := tlog.TileHashReader(tree, tiles(ledger))
	// The reader checks every tile that it hands out against the signed root.
	root, err := tlog.TreeHash(tree.N, reader)
	check(err, "the tree")
	if root != tree.Hash {
		fail("the tiles do not have the signed root")
	}
	records := records(ledger, tree.N)
	for index, record := range records {
		stored, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
		check(err, "a record's hash")
		if stored[0] != tlog.RecordHash(record) {
			fail(fmt.Sprintf("record %d is not what its hash says", index))
		}
	}
	included(proof, verifier, records)
	fmt.Println(len(records))
}

// checkpoint opens a signed note whose text is a checkpoint.
func checkpoint(text []byte, verifier note.Verifier) tlog.Tree {
	opened, err := note.Open(text, note.VerifierList(verifier))
	check(err, "the checkpoint's signature")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		fail("the checkpoint is too short")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "the checkpoint's size")
	return tlog.Tree{N: size, Hash: hash(lines[2])}
}

// included checks a proof that stands alone.
func included(text string, verifier note.Verifier, records [][]byte) {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("not a proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	check(err, "the proof's index")
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		proof = append(proof, hash(line))
	}
	tree := checkpoint([]byte(signed), verifier)
	check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(records[index])), "the proof")
}

// records reads the bundles: each record has its length in two bytes before it.
func records(ledger string, size int64) [][]byte {
	var all [][]byte
	for first := int64(0); first < size; first += 1 << height {
		tile := tlog.Tile{H: height, L: 0, N: first >> height, W: int(min64(size-first, 1<<height))}
		path := strings.Replace(tilePath(tile), "tile/0/", "tile/entries/", 1)
		for rest := readTile(ledger, path, tile); len(rest) > 0; {
			length := int(binary.BigEndian.Uint16(rest))
			all, rest = append(all, rest[2:2+length]), rest[2+length:]
			if int64(len(all)) == first+int64(tile.W) {
				break
			}
		}
	}
	return all
}

type tiles string

func (ledger tiles) Height() int { return height }

func (ledger tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		found[i] = readTile(string(ledger), tilePath(tile), tile)[:tile.W*tlog.HashSize]
	}
	return found, nil
}

func (ledger tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// readTile reads a tile; where a partial one was cleared away, the full one begins with it.
func readTile(ledger, path string, tile tlog.Tile) []byte {
	if bytes, err := os.ReadFile(filepath.Join(ledger, path)); err == nil {
		return bytes
	}
	return read(filepath.Join(ledger, strings.TrimSuffix(path, fmt.Sprintf(".p/%d", tile.W))))
}

// tilePath is a tile's path as C2SP tlog-tiles has it: without the height that Go's has.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

func hash(text string) (hash tlog.Hash) {
	bytes, err := base64.StdEncoding.DecodeString(text)
	check(err, "a hash")
	if copy(hash[:], bytes) != tlog.HashSize || len(bytes) != tlog.HashSize {
		fail("a hash has another length")
	}
	return hash
}

func min64(one, other int64) int64 {
	if one < other {
		return one
	}
	return other
}

func read(path string) []byte {
	bytes, err := os.ReadFile(path)
	check(err, path)
	return bytes
}

func check(err error, what string) {
	if err != nil {
		fail(what + ": " + err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
