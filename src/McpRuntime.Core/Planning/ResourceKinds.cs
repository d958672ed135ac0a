namespace McpRuntime.Core.Planning;

public static class ResourceKinds
{
    /// <summary>What leads clients to a server, here or in an outer gateway: nothing stands on it.</summary>
    public static bool IsOfGateway(this ResourceKind kind) => kind is ResourceKind.Route or ResourceKind.Registration;

    /// <summary>Dependants first: what points to a thing goes before it.</summary>
    public static int RemovalRank(this ResourceKind kind) => kind switch
    {
        ResourceKind.Registration => 0,
        ResourceKind.Route => 1,
        ResourceKind.Service => 2,
        ResourceKind.Container => 3,
        ResourceKind.NetworkPolicy => 4,
        ResourceKind.GuardLink => 5,
        ResourceKind.GuardPolicy => 6,
        ResourceKind.Secret => 7,
        ResourceKind.Account => 8,
        ResourceKind.Network => 9,
        ResourceKind.Volume => 10,
        ResourceKind.Build => 11,
        ResourceKind.Image => 12,
    };
}
