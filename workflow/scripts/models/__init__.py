"""Model files that come with the workflow (MNIST, HiFi-GAN, ResNet), and what they share."""
