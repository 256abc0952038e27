"""The networks of shapes.py (contract: NVIDIA's nnU-Net) as PyTorch users write them, same parameter names."""
import torch
from torch import nn


class ConvLayer(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        conv, norm = (nn.Conv3d, nn.InstanceNorm3d) if len(kernel) == 3 else (nn.Conv2d, nn.InstanceNorm2d)
        self.conv = conv(inputs, outputs, kernel, stride, padding=tuple(k // 2 for k in kernel), bias=False)
        self.norm = norm(outputs, affine=True)
        self.relu = nn.LeakyReLU(0.01, inplace=True)
        nn.init.kaiming_normal_(self.conv.weight, a=0.01)

    def forward(self, x):
        return self.relu(self.norm(self.conv(x)))


class ConvBlock(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.conv1 = ConvLayer(inputs, outputs, kernel, stride)
        self.conv2 = ConvLayer(outputs, outputs, kernel, (1,) * len(kernel))

    def forward(self, x):
        return self.conv2(self.conv1(x))


class UpsampleBlock(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        transposed = nn.ConvTranspose3d if len(kernel) == 3 else nn.ConvTranspose2d
        self.transp_conv = transposed(inputs, outputs, stride, stride)
        self.conv_block = ConvBlock(2 * outputs, outputs, kernel, (1,) * len(kernel))

    def forward(self, x, skip):
        return self.conv_block(torch.cat((self.transp_conv(x), skip), dim=1))


class OutputBlock(nn.Module):
    def __init__(self, dim, inputs, outputs):
        super().__init__()
        self.conv = (nn.Conv3d if dim == 3 else nn.Conv2d)(inputs, outputs, 1)
        nn.init.zeros_(self.conv.bias)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, shape):
        super().__init__()
        f, last = shape.filters, len(shape.filters) - 1

        def down(level):
            return ConvBlock(f[level - 1], f[level], shape.kernel(level), shape.stride(level))

        self.input_block = ConvBlock(shape.channels, f[0], shape.kernel(0), (1,) * shape.dim)
        self.downsamples = nn.ModuleList(down(level) for level in range(1, last))
        self.bottleneck = down(last)
        self.upsamples = nn.ModuleList(UpsampleBlock(f[i], f[i - 1], shape.kernel(i), shape.stride(i))
                                       for i in range(last, 0, -1))
        self.output_block = OutputBlock(shape.dim, f[0], shape.classes)

    def forward(self, x):
        skips = [self.input_block(x)]
        for block in self.downsamples:
            skips.append(block(skips[-1]))
        x = self.bottleneck(skips[-1])
        for block, skip in zip(self.upsamples, reversed(skips)):
            x = block(x, skip)
        return self.output_block(x)


def example(shape):
    """One batch: images (N,C,*patch), labels (N,*patch)."""
    torch.manual_seed(1)
    images = torch.randn(shape.batch, shape.channels, *shape.patch)
    return images, torch.randint(0, shape.classes, (shape.batch, *shape.patch))
