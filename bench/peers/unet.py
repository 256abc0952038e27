"""The network of the hippocampus task (contract: NVIDIA's nnU-Net) as PyTorch users write it, same parameter names."""
import torch
from torch import nn

FILTERS = (32, 64, 128, 256)
PATCH = {2: (56, 40), 3: (40, 56, 40)}
BATCH = {2: 64, 3: 2}
CHANNELS, CLASSES = 1, 3


class ConvLayer(nn.Module):
    def __init__(self, dim, inputs, outputs, stride):
        super().__init__()
        conv, norm = (nn.Conv3d, nn.InstanceNorm3d) if dim == 3 else (nn.Conv2d, nn.InstanceNorm2d)
        self.conv = conv(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm = norm(outputs, affine=True)
        self.relu = nn.LeakyReLU(0.01, inplace=True)
        nn.init.kaiming_normal_(self.conv.weight, a=0.01)

    def forward(self, x):
        return self.relu(self.norm(self.conv(x)))


class ConvBlock(nn.Module):
    def __init__(self, dim, inputs, outputs, stride):
        super().__init__()
        self.conv1 = ConvLayer(dim, inputs, outputs, stride)
        self.conv2 = ConvLayer(dim, outputs, outputs, 1)

    def forward(self, x):
        return self.conv2(self.conv1(x))


class UpsampleBlock(nn.Module):
    def __init__(self, dim, inputs, outputs):
        super().__init__()
        transposed = nn.ConvTranspose3d if dim == 3 else nn.ConvTranspose2d
        self.transp_conv = transposed(inputs, outputs, 2, 2)
        self.conv_block = ConvBlock(dim, 2 * outputs, outputs, 1)

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
    def __init__(self, dim):
        super().__init__()
        f = FILTERS
        self.input_block = ConvBlock(dim, CHANNELS, f[0], 1)
        self.downsamples = nn.ModuleList(ConvBlock(dim, f[i - 1], f[i], 2) for i in range(1, len(f) - 1))
        self.bottleneck = ConvBlock(dim, f[-2], f[-1], 2)
        self.upsamples = nn.ModuleList(UpsampleBlock(dim, f[i], f[i - 1]) for i in range(len(f) - 1, 0, -1))
        self.output_block = OutputBlock(dim, f[0], CLASSES)

    def forward(self, x):
        skips = [self.input_block(x)]
        for block in self.downsamples:
            skips.append(block(skips[-1]))
        x = self.bottleneck(skips[-1])
        for block, skip in zip(self.upsamples, reversed(skips)):
            x = block(x, skip)
        return self.output_block(x)


def example(dim):
    """One batch: images (N,C,*patch), labels (N,*patch)."""
    torch.manual_seed(1)
    images = torch.randn(BATCH[dim], CHANNELS, *PATCH[dim])
    return images, torch.randint(0, CLASSES, (BATCH[dim], *PATCH[dim]))
