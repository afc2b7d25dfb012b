import { z } from "zod";
import { cidrRange, dnsLabel, hostName, mapList, namespaceOrOwn, objectName, port } from "../fields.ts";

/** `spec.callers` and `spec.dependencies`: who may call the service, and what it may call. Default deny both ways. */

const serviceReference = z.strictObject({
  name: dnsLabel("name").describe("Name of the PlatformService."),
  namespace: namespaceOrOwn.describe("Its namespace. Empty: the service's own."),
});

const serviceAccountReference = z.strictObject({
  name: objectName("name").describe("Name of the ServiceAccount."),
  namespace: namespaceOrOwn.describe("Its namespace. Empty: the service's own."),
});

export const callers = z.strictObject({
  services: mapList(serviceReference, { keys: ["name", "namespace"], max: 200 })
    .optional()
    .describe("PlatformServices that may call this one. One that does not exist yet may be named."),
  serviceAccounts: mapList(serviceAccountReference, { keys: ["name", "namespace"], max: 50 })
    .optional()
    .describe(
      "Callers that are no PlatformService, by the ServiceAccount of their pods. The mesh lets that account alone in; the network lets its namespace in. " +
        "Not in a tier of strict isolation, nor in App Mesh in a tier whose mtls is Permissive.",
    ),
});

const kubernetesService = z.strictObject({
  name: dnsLabel("name").describe("Name of the Service."),
  namespace: namespaceOrOwn.describe("Its namespace. Empty: the service's own."),
  port: port.describe("Port of the Service that is called, as 6379."),
});

const outsideHost = z.strictObject({
  host: hostName("host").describe("Full DNS name, as api.carrier.example.com. No wildcard."),
  port: port.describe("Port that is called, as 443."),
});

const range = z.strictObject({
  cidr: cidrRange("cidr").describe("Address range in CIDR form, as 10.40.0.0/16."),
  port: port.describe("Port that is called, as 5432."),
});

export const dependencies = z.strictObject({
  services: mapList(serviceReference, { keys: ["name", "namespace"], max: 200 })
    .optional()
    .describe(
      "PlatformServices that this one calls. Each must also name this one in its callers; DependenciesGranted says which do not yet.",
    ),
  kubernetesServices: mapList(kubernetesService, { keys: ["name", "namespace", "port"], max: 50 })
    .optional()
    .describe("Services of the cluster that are no PlatformService. Not in a tier of strict isolation."),
  hosts: mapList(outsideHost, { keys: ["host", "port"], max: 50 })
    .optional()
    .describe(
      "Hosts outside the cluster, by name. The mesh's proxy enforces the name; the network opens the port to everything but private and link-local " +
        "addresses. Not in a tier of strict isolation, nor in Istio's ambient data plane, where nothing enforces the name.",
    ),
  cidrs: mapList(range, { keys: ["cidr", "port"], max: 50 })
    .optional()
    .describe("Addresses outside the cluster, by range. Not in a tier of strict isolation."),
});
