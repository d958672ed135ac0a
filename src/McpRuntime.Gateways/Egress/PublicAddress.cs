using System.Net;

namespace McpRuntime.Gateways.Egress;

/// <summary>The one list of what is not the open internet, for whatever else of ours connects to an address that somebody named.</summary>
public static class PublicAddress
{
    public static bool Is(IPAddress address) => AddressRules.IsPublic(address);
}
