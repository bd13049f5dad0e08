package server

import (
	"errors"

	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
)

// klogCore gives etcd's log the form that everything else here has.
type klogCore struct {
	min    zapcore.Level
	fields []zapcore.Field
}

func (k *klogCore) Enabled(level zapcore.Level) bool { return level >= k.min }

func (k *klogCore) With(fields []zapcore.Field) zapcore.Core {
	return &klogCore{min: k.min, fields: append(k.fields[:len(k.fields):len(k.fields)], fields...)}
}

func (k *klogCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if k.Enabled(entry.Level) {
		return checked.AddCore(entry, k)
	}
	return checked
}

func (k *klogCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	encoder := zapcore.NewMapObjectEncoder()
	for _, field := range append(k.fields[:len(k.fields):len(k.fields)], fields...) {
		field.AddTo(encoder)
	}
	pairs := []any{"component", "etcd"}
	var err error
	for key, value := range encoder.Fields {
		if text, ok := value.(string); ok && key == "error" {
			err = errors.New(text)
			continue
		}
		pairs = append(pairs, key, value)
	}
	if err != nil || entry.Level >= zapcore.ErrorLevel {
		klog.ErrorS(err, entry.Message, pairs...)
	} else {
		klog.InfoS(entry.Message, pairs...)
	}
	return nil
}

func (k *klogCore) Sync() error {
	klog.Flush()
	return nil
}
