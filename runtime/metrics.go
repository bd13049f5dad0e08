package runtime

import (
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// startMetrics serves the policy's figures to Prometheus under /metrics.
func startMetrics(address string, p policy, log zerolog.Logger) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		collector{p},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{Namespace: "shimrun_supervisor"}),
	} {
		if err := registry.Register(c); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	log.Info().Stringer("address", listener.Addr()).Msg("metrics are served")
	go func() {
		err := (&http.Server{Handler: mux}).Serve(listener)
		log.Error().Err(err).Msg("metrics are served no longer")
	}()
	return nil
}

var (
	callsMetric = prometheus.NewDesc("shimrun_calls_total",
		"Trapped system calls by what became of them.", []string{"call", "outcome"}, nil)
	latencyMetric = prometheus.NewDesc("shimrun_call_duration_seconds",
		"Time from the stop of a call to its answer.", []string{"call"}, nil)
	servedMetric = prometheus.NewDesc("shimrun_served_total",
		"Times that a lie of the profile was told.", []string{"lie"}, nil)
	failedMetric = prometheus.NewDesc("shimrun_failed_total",
		"Times that a lie of the profile was asked for and could not be told.", []string{"lie"}, nil)
)

// collector translates a snapshot whenever somebody asks.
type collector struct{ policy policy }

// Describe implements [prometheus.Collector].
func (c collector) Describe(out chan<- *prometheus.Desc) {
	out <- callsMetric
	out <- latencyMetric
	out <- servedMetric
	out <- failedMetric
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(out chan<- prometheus.Metric) {
	snapshot := c.policy.Snapshot()
	for _, row := range snapshot.Calls {
		for outcome, n := range map[string]uint64{"continued": row.Continued, "answered": row.Answered, "refused": row.Refused} {
			out <- prometheus.MustNewConstMetric(callsMetric, prometheus.CounterValue, float64(n), row.Call, outcome)
		}
		// The histogram has no sum: quantiles are what it is good at.
		out <- prometheus.MustNewConstSummary(latencyMetric, row.Seen, 0, map[float64]float64{
			0.5: seconds(row.P50), 0.99: seconds(row.P99), 1: seconds(row.Max),
		}, row.Call)
	}
	for lie, n := range snapshot.Lies {
		out <- prometheus.MustNewConstMetric(servedMetric, prometheus.CounterValue, float64(n), lie)
	}
	for lie, n := range snapshot.Failed {
		out <- prometheus.MustNewConstMetric(failedMetric, prometheus.CounterValue, float64(n), lie)
	}
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }
