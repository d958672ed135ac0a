using McpRuntime.Core.Catalog;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Catalogs;

internal static class CatalogServices
{
    public static IServiceCollection AddCatalogs(this IServiceCollection services, RuntimeSettings settings) => services
        .AddSingleton(settings.Catalog)
        .AddSingleton<FileCatalog>()
        .AddSingleton<ICatalog>(provider => provider.GetRequiredService<FileCatalog>())
        .AddHostedService(provider => provider.GetRequiredService<FileCatalog>());
}
