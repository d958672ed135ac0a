using McpRuntime.Core.Catalog;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Catalogs;

internal static class CatalogServices
{
    /// <summary>How often it is asked whether a URL is due.</summary>
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);

    /// <summary>Needs the records; the chores run where the lease is.</summary>
    public static IServiceCollection AddCatalogs(this IServiceCollection services, RuntimeSettings settings)
    {
        services
            .AddSingleton(settings.Catalog)
            .AddSingleton<FileCatalog>()
            .AddHostedService(with => with.GetRequiredService<FileCatalog>())
            .AddSingleton<CatalogCopies>()
            .AddSingleton<RemoteCatalogs>()
            .AddHostedService(with => with.GetRequiredService<RemoteCatalogs>())
            .AddSingleton<ICatalog, FederatedCatalog>()
            .AddSingleton(with => new CatalogWire(settings, with.GetRequiredService<TimeProvider>()))
            .AddSingleton<CatalogFetch>()
            .AddSingleton<CatalogReview>();
        foreach (var url in settings.Catalog.RemoteUrls)
        {
            services.AddSingleton(with => new Chore($"the remote catalog {url}", Often, ActivatorUtilities.CreateInstance<CatalogRefresh>(with, url).RunAsync));
        }

        return services;
    }
}
