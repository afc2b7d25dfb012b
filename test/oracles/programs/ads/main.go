// Command ads asks an istiod, as the proxies that stdin describes, for their configuration and prints it: a list of resources for each
// type. JSON both ways.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/structpb"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	"istio.io/istio/pkg/adsc"
	_ "istio.io/istio/pkg/config/xds" // the types of Envoy's filters, by which they become JSON
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/util/protomarshal"
)

const patience = 30 * time.Second

type question struct {
	Address string  `json:"address"`
	Proxies []proxy `json:"proxies"`
}

// proxy is the sidecar of a pod.
type proxy struct {
	Pod            string            `json:"pod"`
	Namespace      string            `json:"namespace"`
	IP             string            `json:"ip"`
	ServiceAccount string            `json:"serviceAccount"`
	Labels         map[string]string `json:"labels"`
}

type configuration struct {
	Listeners []json.RawMessage `json:"listeners"`
	Clusters  []json.RawMessage `json:"clusters"`
	Routes    []json.RawMessage `json:"routes"`
}

func main() {
	options := log.DefaultOptions()
	options.OutputPaths = []string{"stderr"}
	options.SetDefaultOutputLevel(log.OverrideScopeName, log.ErrorLevel)
	if err := log.Configure(options); err != nil {
		fail("logging: %v", err)
	}
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail("the question on stdin: %v", err)
	}
	answers := make([]configuration, 0, len(asked.Proxies))
	for _, one := range asked.Proxies {
		answer, err := ask(asked.Address, one)
		if err != nil {
			fail("%s/%s: %v", one.Namespace, one.Pod, err)
		}
		answers = append(answers, answer)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fail("the configuration: %v", err)
	}
}

func ask(address string, as proxy) (configuration, error) {
	client, err := adsc.New(address, &adsc.ADSConfig{
		Config: adsc.Config{Namespace: as.Namespace, Workload: as.Pod, IP: as.IP, Meta: metadata(as)},
		InitialDiscoveryRequests: []*discovery.DiscoveryRequest{
			{TypeUrl: v3.ClusterType},
			{TypeUrl: v3.ListenerType},
		},
	})
	if err != nil {
		return configuration{}, err
	}
	if err := client.Run(); err != nil {
		return configuration{}, err
	}
	defer client.Close()
	received := map[string]*discovery.DiscoveryResponse{}
	wanted := map[string]bool{v3.ClusterType: true, v3.ListenerType: true}
	timeout := time.After(patience)
	for len(wanted) > 0 {
		select {
		case response := <-client.XDSUpdates:
			if response == nil {
				return configuration{}, fmt.Errorf("istiod closed the stream")
			}
			received[response.TypeUrl] = response
			delete(wanted, response.TypeUrl)
			// The client asks for the routes of the listeners that it got.
			if response.TypeUrl == v3.ListenerType && len(client.GetHTTPListeners()) > 0 && received[v3.RouteType] == nil {
				wanted[v3.RouteType] = true
			}
		case <-timeout:
			return configuration{}, fmt.Errorf("no answer within %s: still waiting for %v", patience, wanted)
		}
	}
	var answer configuration
	for typeURL, to := range map[string]*[]json.RawMessage{
		v3.ListenerType: &answer.Listeners,
		v3.ClusterType:  &answer.Clusters,
		v3.RouteType:    &answer.Routes,
	} {
		if *to, err = resources(received[typeURL]); err != nil {
			return configuration{}, err
		}
	}
	return answer, nil
}

func resources(response *discovery.DiscoveryResponse) ([]json.RawMessage, error) {
	found := []json.RawMessage{}
	for _, one := range response.GetResources() {
		message, err := one.UnmarshalNew()
		if err != nil {
			return nil, err
		}
		text, err := protomarshal.Marshal(message)
		if err != nil {
			return nil, err
		}
		found = append(found, text)
	}
	return found, nil
}

// metadata is what pilot-agent sends of a pod.
func metadata(of proxy) *structpb.Struct {
	labels := map[string]*structpb.Value{}
	for name, value := range of.Labels {
		labels[name] = structpb.NewStringValue(value)
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		"NAMESPACE":       structpb.NewStringValue(of.Namespace),
		"SERVICE_ACCOUNT": structpb.NewStringValue(of.ServiceAccount),
		"LABELS":          structpb.NewStructValue(&structpb.Struct{Fields: labels}),
		"CLUSTER_ID":      structpb.NewStringValue("Kubernetes"),
	}}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "ads: "+format+"\n", args...)
	os.Exit(1)
}
