package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/chacha20poly1305"
)

// Writing and reading an open room, from docs/protocols/identifiers.md, log.md and rooms.md alone.

const (
	opDomain    = "dchat/op/1\x00"
	talk        = 1
	kindProfile = 32
	kindText    = 33
)

var errBlob = errors.New("the blob is not of this room, or not valid")

// room is what follows from a room's name, and where our own chain in it ends.
type room struct {
	id, key []byte
	topic   string
	seq     uint64
	head    []byte
}

// text is what somebody wrote.
type text struct {
	Account string `json:"account"`
	Device  string `json:"device"`
	Text    string `json:"text"`
}

// newRoom takes a name that is in its normal form already.
func newRoom(name string) *room {
	key := hash([]byte("dchat/open-key/1\x00"), []byte(name))
	topic := hash([]byte("dchat/topic/1\x00"), key)
	return &room{
		id:    hash([]byte("dchat/open/1\x00"), []byte(name)),
		key:   key,
		topic: "/dchat/room/" + hex.EncodeToString(topic),
	}
}

// write answers a blob to publish; the first one introduces its author.
func (r *room) write(owner, device ed25519.PrivateKey, name, words string) ([]byte, error) {
	devices := deviceSet(owner, device)
	var plaintext []byte
	if r.seq == 0 {
		profile := appendBytes(nil, 1, []byte(name))
		plaintext = appendBytes(plaintext, 1, r.op(owner, device, devices, kindProfile, profile))
	}
	said := appendBytes(nil, 1, []byte(words))
	plaintext = appendBytes(plaintext, 1, r.op(owner, device, devices, kindText, said))
	return r.seal(appendBytes(plaintext, 2, devices))
}

// op appends to our chain.
func (r *room) op(owner, device ed25519.PrivateKey, devices []byte, kind uint64, content []byte) []byte {
	header := appendVarint(nil, 1, 1)
	header = appendBytes(header, 2, r.id)
	header = appendVarint(header, 3, talk)
	header = appendBytes(header, 4, owner.Public().(ed25519.PublicKey))
	header = appendBytes(header, 5, device.Public().(ed25519.PublicKey))
	header = appendVarint(header, 6, r.seq)
	header = appendBytes(header, 7, r.head)
	header = appendVarint(header, 8, uint64(time.Now().UnixMilli())<<16)
	header = appendVarint(header, 9, kind)
	header = appendBytes(header, 10, hash(content))
	header = appendBytes(header, 13, hash(devices))
	r.seq, r.head = r.seq+1, hash(header)
	signature := ed25519.Sign(device, append([]byte(opDomain), header...))
	return appendBytes(appendBytes(appendBytes(nil, 1, header), 2, signature), 3, content)
}

func (r *room) seal(plaintext []byte) ([]byte, error) {
	cipher, err := chacha20poly1305.NewX(r.key)
	if err != nil {
		return nil, err
	}
	blob := make([]byte, 1+chacha20poly1305.NonceSizeX)
	blob[0] = 1
	if _, err := rand.Read(blob[1:]); err != nil {
		return nil, err
	}
	return cipher.Seal(blob, blob[1:], plaintext, r.associated()), nil
}

func (r *room) associated() []byte { return append([]byte{1}, r.topic...) }

// read answers the texts in a blob whose authors signed them.
func (r *room) read(blob []byte) ([]text, error) {
	cipher, err := chacha20poly1305.NewX(r.key)
	if err != nil {
		return nil, err
	}
	if len(blob) < 1+chacha20poly1305.NonceSizeX || blob[0] != 1 {
		return nil, errBlob
	}
	sealed := blob[1:]
	plaintext, err := cipher.Open(nil,
		sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], r.associated())
	if err != nil {
		return nil, err
	}
	ops, err := readMessage(plaintext)
	if err != nil {
		return nil, err
	}
	found := []text{}
	for _, raw := range ops.blobs[1] {
		said, err := r.readOp(raw, ops.blobs[2])
		if err != nil {
			return nil, err
		}
		if said != nil {
			found = append(found, *said)
		}
	}
	return found, nil
}

// readOp answers nil for a valid op that is no text.
func (r *room) readOp(raw []byte, deviceSets [][]byte) (*text, error) {
	op, err := readMessage(raw)
	if err != nil {
		return nil, err
	}
	header, err := readMessage(op.field(1))
	if err != nil {
		return nil, err
	}
	account, device := header.field(4), header.field(5)
	isOurs := header.number(1) == 1 && header.number(3) == talk && bytes.Equal(header.field(2), r.id)
	isWhole := bytes.Equal(header.field(10), hash(op.field(3)))
	if !isOurs || !isWhole || !isCertified(account, device, deviceSets) {
		return nil, errBlob
	}
	if !ed25519.Verify(device, append([]byte(opDomain), op.field(1)...), op.field(2)) {
		return nil, errBlob
	}
	if header.number(9) != kindText {
		return nil, nil
	}
	content, err := readMessage(op.field(3))
	if err != nil {
		return nil, err
	}
	return &text{hex.EncodeToString(account), hex.EncodeToString(device), string(content.field(1))}, nil
}

func isCertified(account, device []byte, deviceSets [][]byte) bool {
	for _, raw := range deviceSets {
		devices, err := readMessage(raw)
		if err != nil || len(account) != ed25519.PublicKeySize || len(device) != ed25519.PublicKeySize {
			return false
		}
		for _, one := range devices.blobs[1] {
			certificate, err := verified(account, certificateDomain, one)
			if err == nil && bytes.Equal(certificate.field(1), account) && bytes.Equal(certificate.field(2), device) {
				return true
			}
		}
	}
	return false
}

func hash(parts ...[]byte) []byte {
	sum := blake2b.Sum256(bytes.Join(parts, nil))
	return sum[:]
}
