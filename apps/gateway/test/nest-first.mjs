// @nestjs/throttler is CommonJS and requires the ESM packages of Nest: Jest wants them whole before, Node does not mind.
import '@nestjs/common';
import '@nestjs/core';
