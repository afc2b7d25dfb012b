// Command verdicts reads NetworkPolicies and connections from stdin and prints what cyclonus says of each: whether the policies of its
// source let it out and those of its destination let it in. JSON both ways.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

type question struct {
	Policies    []*networkingv1.NetworkPolicy `json:"policies"`
	Connections []connection                  `json:"connections"`
}

type connection struct {
	From     end             `json:"from"`
	To       end             `json:"to"`
	Port     int             `json:"port"`
	PortName string          `json:"portName"`
	Protocol corev1.Protocol `json:"protocol"`
}

// end is a pod; or, without a namespace, an address outside the cluster.
type end struct {
	IP              string            `json:"ip"`
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Labels          map[string]string `json:"labels"`
}

type verdict struct {
	Out bool `json:"out"`
	In  bool `json:"in"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail("the question on stdin: %v", err)
	}
	policy := matcher.BuildNetworkPolicies(true, asked.Policies)
	verdicts := make([]verdict, 0, len(asked.Connections))
	for _, one := range asked.Connections {
		allowed := policy.IsTrafficAllowed(&matcher.Traffic{
			Source:           peer(one.From),
			Destination:      peer(one.To),
			ResolvedPort:     one.Port,
			ResolvedPortName: one.PortName,
			Protocol:         one.Protocol,
		})
		verdicts = append(verdicts, verdict{Out: allowed.Egress.IsAllowed(), In: allowed.Ingress.IsAllowed()})
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		fail("the verdicts: %v", err)
	}
}

func peer(of end) *matcher.TrafficPeer {
	if of.Namespace == "" {
		return &matcher.TrafficPeer{IP: of.IP}
	}
	pod := &matcher.InternalPeer{PodLabels: of.Labels, NamespaceLabels: of.NamespaceLabels, Namespace: of.Namespace}
	return &matcher.TrafficPeer{IP: of.IP, Internal: pod}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "verdicts: "+format+"\n", args...)
	os.Exit(1)
}
