using McpRuntime.Gateways.Embedded;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class HeaderPolicyTests
{
    [Test]
    public void What_Connection_names_does_not_pass()
    {
        var from = new HeaderDictionary { ["Connection"] = "close, X-Hop", ["x-hop"] = "1", ["X-Kept"] = "1" };
        using var to = new HttpRequestMessage();

        HeaderPolicy.CopyToServer(from, to).Should().BeNull();

        to.Headers.Select(header => header.Key).Should().Equal("X-Kept");
    }
}
