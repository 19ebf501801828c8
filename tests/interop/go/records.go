package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The records of docs/protocols/kad.md, made and judged from that page alone.

const (
	accountPrefix     = "/dchat/account/"
	bundlePrefix      = "/dchat/bundle/"
	accountDomain     = "dchat/account/1\x00"
	bundleDomain      = "dchat/bundle/1\x00"
	certificateDomain = "dchat/certificate/1\x00"
	lifetime          = 30 * 24 * time.Hour
	valueBytesMax     = 4096
	addressesMax      = 16
	addressBytesMax   = 256
	certificatesMax   = 32
)

var errRecord = errors.New("the record is not valid")

// content is what a valid value says.
type content struct {
	Seq       uint64   `json:"seq"`
	Addresses []string `json:"addresses"`
	Devices   []string `json:"devices"`
}

// recordKeys is the device key that signs records.
type recordKeys struct{ device ed25519.PrivateKey }

func (k recordKeys) bundle(addresses []string, seq uint64) (key, value []byte) {
	device := k.device.Public().(ed25519.PublicKey)
	body := appendBytes(nil, 1, device)
	body = appendVarint(body, 2, seq)
	body = appendVarint(body, 3, expiry())
	for _, address := range addresses {
		body = appendBytes(body, 4, []byte(address))
	}
	return append([]byte(bundlePrefix), device...), signed(k.device, bundleDomain, body)
}

func (k recordKeys) account(seed []byte, seq uint64) (key, value []byte) {
	owner := ed25519.NewKeyFromSeed(seed)
	account := owner.Public().(ed25519.PublicKey)
	body := appendBytes(nil, 1, account)
	body = appendVarint(body, 2, seq)
	body = appendVarint(body, 3, expiry())
	body = appendBytes(body, 4, deviceSet(owner, k.device))
	return append([]byte(accountPrefix), account...), signed(owner, accountDomain, body)
}

// deviceSet certifies that a device acts for an account.
func deviceSet(owner, device ed25519.PrivateKey) []byte {
	certificate := appendBytes(nil, 1, owner.Public().(ed25519.PublicKey))
	certificate = appendBytes(certificate, 2, device.Public().(ed25519.PublicKey))
	certificate = appendVarint(certificate, 3, uint64(time.Now().UnixMilli()))
	return appendBytes(nil, 1, signed(owner, certificateDomain, certificate))
}

func expiry() uint64 { return uint64(time.Now().Add(lifetime).UnixMilli()) }

func signed(key ed25519.PrivateKey, domain string, body []byte) []byte {
	signature := ed25519.Sign(key, append([]byte(domain), body...))
	return appendBytes(appendBytes(nil, 1, body), 2, signature)
}

// readRecord decodes and verifies a value under its key.
func readRecord(key, value []byte, nowMs int64) (*content, error) {
	if len(value) > valueBytesMax {
		return nil, errRecord
	}
	if id, found := bytes.CutPrefix(key, []byte(bundlePrefix)); found {
		return readBundle(id, value, nowMs)
	}
	if id, found := bytes.CutPrefix(key, []byte(accountPrefix)); found {
		return readAccount(id, value, nowMs)
	}
	return nil, errRecord
}

func readBundle(device, value []byte, nowMs int64) (*content, error) {
	body, err := verified(device, bundleDomain, value)
	if err != nil || !bytes.Equal(body.field(1), device) || !body.isInTime(nowMs) {
		return nil, errRecord
	}
	found := &content{Seq: body.number(2), Addresses: []string{}}
	for _, address := range body.blobs[4] {
		if len(address) > addressBytesMax {
			return nil, errRecord
		}
		found.Addresses = append(found.Addresses, string(address))
	}
	if len(found.Addresses) > addressesMax {
		return nil, errRecord
	}
	return found, nil
}

func readAccount(account, value []byte, nowMs int64) (*content, error) {
	body, err := verified(account, accountDomain, value)
	if err != nil || !bytes.Equal(body.field(1), account) || !body.isInTime(nowMs) {
		return nil, errRecord
	}
	devices, err := readMessage(body.field(4))
	if err != nil || len(devices.blobs[1]) < 1 || len(devices.blobs[1]) > certificatesMax {
		return nil, errRecord
	}
	found := &content{Seq: body.number(2), Devices: []string{}}
	for _, raw := range devices.blobs[1] {
		certificate, err := verified(account, certificateDomain, raw)
		if err != nil || !bytes.Equal(certificate.field(1), account) {
			return nil, errRecord
		}
		found.Devices = append(found.Devices, hex.EncodeToString(certificate.field(2)))
	}
	return found, nil
}

// verified opens a Signed and answers its body.
func verified(key []byte, domain string, raw []byte) (*message, error) {
	outer, err := readMessage(raw)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errRecord
	}
	signedBytes := append([]byte(domain), outer.field(1)...)
	if !ed25519.Verify(key, signedBytes, outer.field(2)) {
		return nil, errRecord
	}
	return readMessage(outer.field(1))
}

// recordValidator is what the DHT asks about values under /dchat/.
type recordValidator struct{}

func (recordValidator) Validate(key string, value []byte) error {
	_, err := readRecord([]byte(key), value, time.Now().UnixMilli())
	return err
}

func (recordValidator) Select(key string, values [][]byte) (int, error) {
	best, bestSeq := -1, uint64(0)
	for index, value := range values {
		found, err := readRecord([]byte(key), value, time.Now().UnixMilli())
		if err != nil {
			continue
		}
		isEqual := best >= 0 && found.Seq == bestSeq && bytes.Compare(value, values[best]) > 0
		if best < 0 || found.Seq > bestSeq || isEqual {
			best, bestSeq = index, found.Seq
		}
	}
	if best < 0 {
		return 0, errRecord
	}
	return best, nil
}

// anyValue judges nothing.
type anyValue struct{}

func (anyValue) Validate(string, []byte) error { return nil }

func (anyValue) Select(string, [][]byte) (int, error) { return 0, nil }

// message is a decoded Protocol Buffers message: fields by number, unknown ones with them.
type message struct {
	blobs   map[protowire.Number][][]byte
	numbers map[protowire.Number]uint64
}

func readMessage(raw []byte) (*message, error) {
	found := &message{map[protowire.Number][][]byte{}, map[protowire.Number]uint64{}}
	for len(raw) > 0 {
		number, kind, size := protowire.ConsumeField(raw)
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		_, _, tag := protowire.ConsumeTag(raw)
		switch kind {
		case protowire.BytesType:
			blob, _ := protowire.ConsumeBytes(raw[tag:])
			found.blobs[number] = append(found.blobs[number], blob)
		case protowire.VarintType:
			found.numbers[number], _ = protowire.ConsumeVarint(raw[tag:])
		}
		raw = raw[size:]
	}
	return found, nil
}

// field answers a bytes field; of several the last one counts, as Protocol Buffers has it.
func (m *message) field(number protowire.Number) []byte {
	if all := m.blobs[number]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

func (m *message) number(number protowire.Number) uint64 { return m.numbers[number] }

func (m *message) isInTime(nowMs int64) bool {
	expires := int64(m.number(3))
	return nowMs < expires && expires <= nowMs+2*lifetime.Milliseconds()
}

func appendBytes(to []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), value)
}

func appendVarint(to []byte, number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, number, protowire.VarintType), value)
}
