package testservers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// RedisCluster returns the addresses of the six nodes of a Redis Cluster,
// three masters with a replica each, that the tests of a binary share as they
// do Redis.
func RedisCluster(t testing.TB) (addrs []string) {
	t.Helper()
	if list := os.Getenv(clusterVariable); list != "" {
		return strings.Split(list, ",")
	}
	nodes, err := sharedCluster()
	if err != nil {
		without(t, err)
	}
	for _, s := range nodes {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

var sharedCluster = sync.OnceValues(func() ([]*Server, error) { return startCluster() })

// NewRedisCluster starts a Redis Cluster for one test and ends it after the
// test. The first three nodes are masters when it returns, and the fourth to
// the sixth their replicas, in that order and with all that the masters have.
// Arguments are those of redis-server for every node.
func NewRedisCluster(t testing.TB, args ...string) []*Server {
	t.Helper()
	nodes, err := startCluster(args...)
	if err != nil {
		without(t, err)
	}
	closeAfter(t, nodes...)
	return nodes
}

const masters = 3

func startCluster(args ...string) (nodes []*Server, err error) {
	args = append([]string{
		"--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
		// A replica takes over at once, however long it has lost its master.
		"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0",
	}, args...)
	for range 2 * masters {
		s, err := startRedis(args...)
		if err != nil {
			return nil, errors.Join(err, closeAll(nodes))
		}
		nodes = append(nodes, s)
	}
	if err := join(nodes); err != nil {
		return nil, errors.Join(fmt.Errorf("join a cluster: %w", err), closeAll(nodes))
	}
	return nodes, nil
}

// join makes a cluster of servers that know nothing of each other.
func join(nodes []*Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for i, s := range nodes {
		// Different epochs spare them a vote about who is who. A node takes one
		// only while it knows no other.
		if err := command(ctx, s.Addr, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return err
		}
	}
	for _, s := range nodes {
		if err := meet(ctx, s, nodes); err != nil {
			return err
		}
	}
	for i := range masters {
		if err := assign(ctx, i, nodes); err != nil {
			return err
		}
	}
	return errors.Join(
		eachAnswers(ctx, nodes, "CLUSTER INFO", fmt.Sprintf("cluster_known_nodes:%d\r", len(nodes))),
		eachAnswers(ctx, nodes, "CLUSTER INFO", "cluster_state:ok"),
		eachAnswers(ctx, nodes[masters:], "INFO replication", "master_link_status:up"),
	)
}

// meet introduces a node to all others: faster than to wait for rumours.
func meet(ctx context.Context, s *Server, nodes []*Server) error {
	for _, other := range nodes {
		host, port, _ := strings.Cut(other.Addr, ":")
		if other == s {
			continue
		}
		if err := command(ctx, s.Addr, "CLUSTER", "MEET", host, port).Err(); err != nil {
			return err
		}
	}
	return nil
}

// assign gives the master of that number its share of the slots and its
// replica.
func assign(ctx context.Context, i int, nodes []*Server) error {
	const slots = 16384
	add := []any{"CLUSTER", "ADDSLOTS"}
	for slot := i * slots / masters; slot < (i+1)*slots/masters; slot++ {
		add = append(add, slot)
	}
	if err := command(ctx, nodes[i].Addr, add...).Err(); err != nil {
		return err
	}
	id, err := command(ctx, nodes[i].Addr, "CLUSTER", "MYID").Text()
	if err != nil {
		return err
	}
	replica := nodes[masters+i]
	if err := eachAnswers(ctx, []*Server{replica}, "CLUSTER NODES", id); err != nil {
		return err
	}
	return command(ctx, replica.Addr, "CLUSTER", "REPLICATE", id).Err()
}

// eachAnswers waits until the answer of each node to a command has want in it.
func eachAnswers(ctx context.Context, nodes []*Server, question, want string) error {
	var words []any
	for word := range strings.FieldsSeq(question) {
		words = append(words, word)
	}
	for _, s := range nodes {
		for {
			answer, err := command(ctx, s.Addr, words...).Text()
			if err == nil && strings.Contains(answer, want) {
				break
			}
			if pause(ctx) != nil {
				return fmt.Errorf("%s does not say %s: %w", s.Addr, want, errors.Join(ctx.Err(), err))
			}
		}
	}
	return nil
}
