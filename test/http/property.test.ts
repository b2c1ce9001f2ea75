import { testAnyRequest } from '../support/property-shells.ts'

testAnyRequest(1000)
